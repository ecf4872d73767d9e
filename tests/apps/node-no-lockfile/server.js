const ms = require('ms');
require('http')
  .createServer((request, response) => response.end(`Hello for ${ms(60000)} without a lockfile`))
  .listen(process.env.PORT);
