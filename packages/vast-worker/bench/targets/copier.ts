import { type AddressInfo, connect, createServer } from 'node:net';

/** A bare proxy: copies bytes between sockets and knows nothing of HTTP. What Node itself costs. */

const { port, hostname } = new URL(process.env.MODEL_SERVER as string);
const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: Number(port), host: hostname, noDelay: true });
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
  upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
});
server.listen(0, '127.0.0.1', () => process.send?.({ type: 'port', port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());
