import { createServer } from 'node:http';
import { greeting } from 'greeting';

createServer((request, response) => response.end(greeting('a pnpm workspace')))
  .listen(Number(process.env.PORT ?? 3000));
