const fs = require('fs');
const http = require('http');

const started = 200;
let unready = 0; // checks that are answered 503

http.createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/started') response.statusCode = started;
  if (url.pathname === '/ready' && unready-- > 0) response.statusCode = 503;
  if (url.pathname === '/unready') unready = Number(url.searchParams.get('times'));
  if (url.pathname === '/die') fs.writeFileSync('/tmp/dead', '');
  response.end(`served by ${process.env.DYNO}`);
}).listen(process.env.PORT);
