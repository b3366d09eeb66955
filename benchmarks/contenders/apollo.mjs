// Apollo Server as its documentation sets it up. CACHE=1 adds its response cache: whole answers, one per customer.
import { ApolloServer } from '@apollo/server'
import responseCachePlugin from '@apollo/server-plugin-response-cache'
import { startStandaloneServer } from '@apollo/server/standalone'
import { customerOf, makeContext, resolvers, typeDefs as plainTypeDefs } from './shop.mjs'

const { PORT, CACHE } = process.env
const plugins = []
let typeDefs = plainTypeDefs
if (CACHE === '1') {
  // Every type is PRIVATE: with a public one, this cache hands one customer's page to another.
  typeDefs = `enum CacheControlScope { PUBLIC PRIVATE }
directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT | INTERFACE | UNION
` + plainTypeDefs.replaceAll(/^type (\w+) \{/gm, (line, type) => type === 'Query' ? line : `type ${type} @cacheControl(maxAge: 300, scope: PRIVATE) {`)
  plugins.push((responseCachePlugin.default ?? responseCachePlugin)({
    sessionId: async ({ request }) => request.http.headers.get('authorization') ?? 'anonymous',
  }))
}
const server = new ApolloServer({ typeDefs, resolvers, plugins })
const context = async ({ req }) => makeContext(customerOf(req.headers.authorization))
await startStandaloneServer(server, { context, listen: { port: Number(PORT), host: '127.0.0.1' } })
