require('http').createServer((_, answer) => answer.end('Hello')).listen(process.env.PORT);
