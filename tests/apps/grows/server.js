// Takes as much memory as it is asked to.
const fs = require('fs');
const http = require('http');

const kept = [];
const anonymous = () => {
  const line = fs.readFileSync('/proc/self/status', 'utf8').match(/^RssAnon:\s+(\d+) kB$/m);
  return Number(line[1]) / 1024;
};

http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  const wanted = Number(url.searchParams.get('mb') || 0);
  while (anonymous() < wanted) kept.push(Buffer.alloc(1 << 20, 1));
  response.end(`${process.env.DYNO} holds ${Math.round(anonymous())} MB`);
}).listen(process.env.PORT);
