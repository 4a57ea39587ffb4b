// A fresh process: how long one import takes, in milliseconds.
const began = performance.now()
await import(process.argv[2])
console.log(performance.now() - began)
