const fs = require('node:fs');

fs.mkdirSync('assets', { recursive: true });
fs.writeFileSync('assets/built.txt', 'Built by Node, collected by Django\n');
