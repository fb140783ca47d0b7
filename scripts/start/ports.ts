import { createServer } from 'node:net';

const highestPort = 65_535;

/** True when this process may listen on the port of the loopback interface. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await listenError(port)) === undefined;
}

/**
 * Why this process may not listen on the port of the loopback interface, in words; undefined when it may.
 * @param purpose what would listen there
 * @param otherPorts not to be suggested instead
 */
export async function portProblem(
  port: number,
  { purpose, flag, variable }: { purpose: string; flag: string; variable: string },
  otherPorts: readonly number[],
): Promise<string | undefined> {
  const code = await listenError(port);
  if (code === undefined) return undefined;
  const reason = code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${code})`;
  return `Port ${port}, for ${purpose}, ${reason}: npm start -- ${flag} ${await suggestPort(port, otherPorts)}, or set ${variable}.`;
}

/** A free port that is easy to tell from this one: 3100 for 3000. */
async function suggestPort(port: number, otherPorts: readonly number[]): Promise<number | 'PORT'> {
  for (let step = 1; step <= highestPort / 100; step += 1) {
    const candidate = ((port + step * 100 - 1) % highestPort) + 1; // from the highest on to the lowest
    if (candidate >= 1024 && !otherPorts.includes(candidate) && (await isPortFree(candidate))) return candidate;
  }
  return 'PORT';
}

/** The code of the error that listening ends with; undefined when there is none. */
function listenError(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
