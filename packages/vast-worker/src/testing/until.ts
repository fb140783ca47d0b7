import { setTimeout as sleep } from 'node:timers/promises';

/** For what tells nobody when it changes, such as a process that ends elsewhere. The test's time-out bounds it. */
export async function until(isMet: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isMet())) await sleep(20);
}
