// What all Node contenders share: the upstreams' contract over undici, DataLoaders of one request, resolvers.
import fs from 'node:fs'
import DataLoader from 'dataloader'
import { Pool } from 'undici'

const { UPSTREAM, TOKENS } = process.env
export const typeDefs = fs.readFileSync(new URL('./schema.graphql', import.meta.url), 'utf8')

// Customers by token, as if each had been verified once and remembered: the gateway does the same by hash.
const customers = new Map(Object.entries(JSON.parse(fs.readFileSync(TOKENS, 'utf8'))))
export const customerOf = authorization => (authorization && customers.get(authorization.slice(7))) || null

const pool = new Pool(UPSTREAM, { connections: 256, keepAliveTimeout: 60_000 })
const headers = { 'content-type': 'application/json', authorization: 'Bearer bench' }
const shop = { localityId: 'msk', channel: 'WEB', currency: 'RUB', language: 'ru' }

async function post (path, asked) {
  const { statusCode, body } = await pool.request({ path, method: 'POST', headers, body: JSON.stringify(asked) })
  if (statusCode !== 200) throw new Error(`expected 200 of ${path}, got ${statusCode}`)
  return body.json()
}

// A loader of things that an answer lists in any order; what is absent is null.
const byKey = (fetch, key, options) => new DataLoader(async keys => {
  const found = new Map()
  for (const each of await fetch(keys)) found.set(each[key], each)
  return keys.map(asked => found.get(asked.id ?? asked) ?? null)
}, options)

const skusOf = product => ({ id: product.id, skus: product.variants.map(variant => variant.sku) })
const each = skus => skus.map(sku => ({ sku, quantity: 1 }))
const byId = { cacheKeyFn: product => product.id }

export function makeContext (customerId) {
  const asker = { ...shop, customerId }
  const language = shop.language
  return {
    customerId,
    listing: (text, first) => post('/search/v1/listings/batch', { ...shop, queries: [{ text, first }] }).then(a => a.listings[0]),
    currentPromotions: () => post('/pricing/v1/promotions/batch', { ...asker, ids: null }).then(a => a.promotions),
    products: byKey(ids => post('/catalogue/v1/products/batch', { language, ids, handles: [], skus: [] }).then(a => a.products), 'id'),
    inStock: byKey(some => post('/stock/v1/products/batch', { ...shop, products: some.map(skusOf) }).then(a => a.products), 'id', byId),
    ranges: byKey(some => post('/pricing/v1/products/batch', { ...asker, products: some.map(skusOf) }).then(withPromotions), 'id', byId),
    prices: byKey(skus => post('/pricing/v1/prices/batch', { ...asker, items: each(skus) }).then(a => a.prices), 'sku'),
    availability: byKey(skus => post('/stock/v1/availability/batch', { ...shop, skus }).then(a => a.items), 'sku'),
    estimates: byKey(skus => post('/loyalty/v1/estimates/batch', { ...asker, items: each(skus) }).then(a => a.estimates), 'sku'),
    locations: byKey(ids => post('/delivery/v1/locations/batch', { language, ids }).then(a => a.locations), 'id'),
    stockAt: new DataLoader(
      queries => post('/stock/v1/locations/batch', { ...shop, queries }).then(a => a.results),
      { cacheKeyFn: query => `${query.sku} ${query.first}`, maxBatchSize: 20 }),
    promises: new DataLoader(
      skus => post('/delivery/v1/promises/batch', { ...shop, items: skus.map(sku => ({ sku, to: { localityId: shop.localityId } })) }).then(a => a.promises),
      { maxBatchSize: 100 }),
    blocks: new DataLoader(
      blocks => post('/recommendations/v1/blocks/batch', { ...asker, blocks }).then(a => a.blocks),
      { cacheKeyFn: block => `${block.placement} ${block.first} ${block.productId}`, maxBatchSize: 20 }),
    accounts: byKey(customerIds => post('/loyalty/v1/accounts/batch', { language, customerIds }).then(a => a.accounts), 'customerId'),
    customers: byKey(ids => post('/customers/v1/customers/batch', { ids }).then(a => a.customers), 'id'),
  }
}

function withPromotions ({ products, promotions }) {
  const known = new Map(promotions.map(promotion => [promotion.id, promotion]))
  for (const product of products) product.promotions = product.promotionIds.map(id => known.get(id)).filter(Boolean)
  return products
}

async function pickVariant (product, context) {
  if (product.variants.length === 1) return product.variants[0]
  const stock = await context.inStock.load(product)
  const available = new Set(stock?.availableSkus)
  return product.variants.find(variant => available.has(variant.sku)) ?? product.variants[0]
}

const prefixed = (prefix, key = 'id') => ({ id: value => `${prefix}_${value[key]}` })

export const resolvers = {
  Query: {
    search: (_, { query, first }, context) => context.listing(query, first),
    product: (_, { by }, context) => context.products.load(by.id.slice(4)),
    promotions: (_, args, context) => context.currentPromotions(),
    recommendations: (_, { placement, first }, context) => context.blocks.load({ placement, first }),
    me: (_, args, context) => context.customerId && context.customers.load(context.customerId),
  },
  ProductConnection: { edges: listing => listing.hits, pageInfo: listing => listing.page },
  ProductEdge: { node: (hit, args, context) => context.products.load(hit.productId) },
  Product: {
    ...prefixed('prd'),
    variant: (product, args, context) => pickVariant(product, context),
    price: (product, args, context) => context.ranges.load(product),
    availability: (product, args, context) => context.inStock.load(product),
    promotions: async (product, args, context) => (await context.ranges.load(product)).promotions,
    recommendations: (product, { placement, first }, context) => context.blocks.load({ placement, first, productId: product.id }),
  },
  ProductVariant: {
    ...prefixed('var', 'sku'),
    price: async (variant, args, context) => (await context.prices.load(variant.sku))?.price,
    availability: (variant, args, context) => context.availability.load(variant.sku),
    pointsToEarn: (variant, args, context) => context.estimates.load(variant.sku),
    deliveryPromise: (variant, args, context) => context.promises.load(variant.sku),
  },
  Image: { url: (image, { width }) => image.url.replace('{width}', width ?? image.width ?? 640) },
  Brand: prefixed('brd'),
  Promotion: prefixed('pro'),
  Location: prefixed('loc'),
  AvailabilitySummary: { availableVariantIds: stock => stock.availableSkus.map(sku => `var_${sku}`) },
  Availability: { locations: ({ sku }, { first }, context) => context.stockAt.load({ sku, first, inStockOnly: true }) },
  StockAtLocationConnection: { nodes: page => page.entries, pageInfo: page => page.page },
  StockAtLocation: { location: (entry, args, context) => context.locations.load(entry.locationId) },
  RecommendationItem: { product: (item, args, context) => context.products.load(item.productId) },
  Customer: { ...prefixed('cus'), loyalty: (customer, args, context) => context.accounts.load(customer.id) },
  LoyaltyAccount: prefixed('lty'),
}
