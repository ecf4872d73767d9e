const ms = require('ms');

let ticks = 0;
setInterval(() => console.log(`worker tick ${++ticks}`), ms('1s'));
console.log('worker started');
process.on('SIGTERM', () => process.exit(0));
