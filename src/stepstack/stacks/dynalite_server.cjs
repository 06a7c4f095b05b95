// Serves dynalite on a free port of this machine without any of its delays, for as long as standard input stays open.
// The first line on standard output is {"port": N}. Started by dynalite.py; needs dynalite on NODE_PATH.
const dynalite = require('dynalite')

const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
server.on('error', (error) => {
  console.error(String(error))
  process.exit(1)
})
server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port }))
})

// Whoever started us holds the other end: we never outlive it.
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
process.stdin.on('error', () => process.exit(0))
