// Takes memory until something stops it; 8 GiB at most, should nothing do so.
const held = [];
for (let i = 0; i < 128; ++i) held.push(Buffer.alloc(64 * 1024 * 1024, 1));
console.error(`not stopped at ${held.length * 64} MiB`);
process.exit(1);
