/** The image that a release tag asks for. */
export interface ImageRelease {
  service: string;
  version: string;
}

/**
 * Changesets tags every package `@bluefly/NAME@VERSION`, and only the services among them have images.
 * @param services names of all services
 * @returns undefined for a tag of a package
 * @throws Error for a tag that is not of this form
 */
export function imageOfTag(tag: string, services: readonly string[]): ImageRelease | undefined {
  const { service, version } = /^@bluefly\/(?<service>[a-z0-9-]+)@(?<version>\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)$/.exec(tag)?.groups ?? {};
  if (service === undefined || version === undefined) throw new Error(`expected a tag @bluefly/NAME@X.Y.Z, found ${JSON.stringify(tag)}`);
  return services.includes(service) ? { service, version } : undefined;
}
