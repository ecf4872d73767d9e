const express = require('express');

const app = express();
app.get('/', (request, response) => {
  response.send(`Hello from Express, ${process.env.GREETING || 'no greeting'}\n`);
});
app.get('/replica', (request, response) => response.send(`${require('os').hostname()}\n`));
app.get('/crash', () => process.exit(1));
app.get('/slow', (request, response) => {
  setTimeout(() => response.send('slow\n'), Number(request.query.ms || 1000));
});
app.post('/echo', (request, response) => request.pipe(response));

const server = app.listen(process.env.PORT || 3000, () => console.log('listening'));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
