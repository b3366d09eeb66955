// Mercurius with its JIT, as its documentation sets it up. CACHE=1 adds mercurius-cache over every field that asks an upstream.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import cache from 'mercurius-cache'
import { customerOf, makeContext, resolvers, typeDefs } from './shop.mjs'

const { PORT, CACHE } = process.env
const app = Fastify()
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  jit: 1,
  context: request => makeContext(customerOf(request.headers.authorization)),
})
if (CACHE === '1') {
  // By default the whole parent is serialised into the key; naming what matters is much cheaper.
  const shared = key => ({ key: ({ self, arg }) => `${key(self)} ${JSON.stringify(arg)}` })
  const personal = key => ({ key: ({ self, arg, ctx }) => `${ctx.customerId} ${key(self)} ${JSON.stringify(arg)}` })
  const id = self => self.id
  const sku = self => self.sku
  const nothing = () => ''
  app.register(cache, {
    ttl: 300,
    policy: {
      Query: { search: shared(nothing), product: shared(nothing), promotions: personal(nothing), recommendations: personal(nothing), me: personal(nothing) },
      ProductEdge: { node: shared(hit => hit.productId) },
      Product: { variant: shared(id), price: personal(id), availability: shared(id), promotions: personal(id), recommendations: personal(id) },
      ProductVariant: { price: personal(sku), availability: shared(sku), pointsToEarn: personal(sku), deliveryPromise: shared(sku) },
      Availability: { locations: shared(sku) },
      StockAtLocation: { location: shared(entry => entry.locationId) },
      RecommendationItem: { product: shared(item => item.productId) },
      Customer: { loyalty: personal(id) },
    },
  })
}
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
