const compression = require('compression');
const express = require('express');
const helmet = require('helmet');
const _ = require('lodash');

const app = express();
app.use(helmet(), compression());
app.get('/', (request, response) => response.send(`${_.capitalize('version one')}\n`));
app.listen(process.env.PORT || 3000, () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
