import fastify from 'fastify';

const app = fastify();
app.get('/', () => "Hello from yarn's Plug'n'Play\n");
await app.listen({ host: '::', port: Number(process.env.PORT ?? 3000) });
