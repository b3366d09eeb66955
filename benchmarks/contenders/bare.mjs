// Bare Node: reads the request and answers ready bytes, by the name of the operation.
import fs from 'node:fs'
import { createServer } from 'node:http'

const { PORT, BYTES } = process.env
const pages = Object.entries({ Listing: 'listing', ProductPage: 'product', HomePage: 'home' })
  .map(([operation, page]) => [Buffer.from(`query ${operation}`), fs.readFileSync(`${BYTES}/${page}.json`)])
createServer((request, response) => {
  const parts = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    const asked = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    const page = pages.find(([operation]) => asked.includes(operation))[1]
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': page.length })
    response.end(page)
  })
}).listen(Number(PORT), '127.0.0.1')
