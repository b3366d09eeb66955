// graphql-yoga as its documentation sets it up. JIT=1 adds graphql-jit, CACHE=1 its response cache, one per customer.
import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import { useResponseCache } from '@graphql-yoga/plugin-response-cache'
import { createSchema, createYoga } from 'graphql-yoga'
import { customerOf, makeContext, resolvers, typeDefs } from './shop.mjs'

const { PORT, JIT, CACHE } = process.env
const plugins = []
if (JIT === '1') plugins.push(useGraphQlJit())
if (CACHE === '1') plugins.push(useResponseCache({ session: request => request.headers.get('authorization'), ttl: 300_000 }))
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  plugins,
  graphiql: false,
  landingPage: false,
  logging: 'error',
  context: ({ request }) => makeContext(customerOf(request.headers.get('authorization'))),
})
createServer(yoga).listen(Number(PORT), '127.0.0.1')
