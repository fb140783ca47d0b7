import { companionsFrom, workerEnvironment } from './companions.ts';
import { runNetwork } from './run-network.ts';

/** The entry of images with the target `network`: `network.mjs -- COMMAND …` runs the command and the ways to it that are asked for. */

const [separator, command, ...args] = process.argv.slice(2);
if (separator !== '--' || command === undefined) {
  process.stderr.write('network.mjs -- COMMAND [ARGUMENT…]\n');
  process.exitCode = 2;
} else {
  process.exitCode = await runNetwork({
    command: [command, ...args],
    env: workerEnvironment(process.env),
    companions: companionsFrom(process.env),
    log: (level, msg, fields = {}) =>
      process.stdout.write(`${JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg })}\n`),
  });
}
