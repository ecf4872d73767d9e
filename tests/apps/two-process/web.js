require('http')
  .createServer((request, response) => response.end('Hello from the web process\n'))
  .listen(process.env.PORT || 3000);
process.on('SIGTERM', () => process.exit(0));
