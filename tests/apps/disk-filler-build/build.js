// Writes until something stops it; 4 GiB at most, should nothing do so.
const fs = require('fs');

const block = Buffer.alloc(16 * 1024 * 1024, 1);
const file = fs.openSync('filler', 'w');
for (let i = 0; i < 256; ++i) fs.writeSync(file, block);
console.error('not stopped at 4 GiB');
process.exit(1);
