import { createServer } from 'node:net';

const highestPort = 65_535;

/** Ports that move together: the first one is what a flag or a variable says, the others are a fixed distance above. */
export interface PortRange {
  first: number;
  offsets: readonly number[];
  /** What would listen at each, by offset. */
  purposeOf: (offset: number) => string;
  flag: string;
  variable: string;
}

/** True when this process may listen on the port of the loopback interface. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await listenError(port)) === undefined;
}

/**
 * Why this process may not listen on each port of the range on the loopback interface, in words; undefined when it may.
 * @param otherPorts not to be suggested instead
 */
export async function portProblem(range: PortRange, otherPorts: readonly number[]): Promise<string | undefined> {
  const { first, offsets, purposeOf, flag, variable } = range;
  const problems: string[] = [];
  for (const offset of offsets) {
    const code = await listenError(first + offset);
    if (code === undefined) continue;
    const reason = code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${code})`;
    problems.push(`Port ${first + offset}, for ${purposeOf(offset)}, ${reason}`);
  }
  if (problems.length === 0) return undefined;
  return `${problems.join('\n')}: npm start -- ${flag} ${await suggestPort(range, otherPorts)}, or set ${variable}.`;
}

/** A free port that is easy to tell from this one: 3100 for 3000. */
async function suggestPort({ first, offsets }: PortRange, otherPorts: readonly number[]): Promise<number | 'PORT'> {
  for (let step = 1; step <= highestPort / 100; step += 1) {
    const candidate = ((first + step * 100 - 1) % highestPort) + 1; // from the highest on to the lowest
    const ports = offsets.map((offset) => candidate + offset);
    if (candidate < 1024 || ports.some((port) => port > highestPort || otherPorts.includes(port))) continue;
    if ((await Promise.all(ports.map(isPortFree))).every(Boolean)) return candidate;
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
