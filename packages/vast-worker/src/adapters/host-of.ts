/** What a socket connects to: an IPv6 address stands in brackets in URLs only. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');
