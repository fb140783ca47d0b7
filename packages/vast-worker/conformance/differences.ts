/** Where the bodies of our reports differ from the official worker's for the same traffic, on purpose. */
export interface Difference {
  /** A field of the status or of a finished request, and the case in which it differs. */
  field: string;
  official: string;
  ours: string;
  reason: string;
}

export const differences: readonly Difference[] = [
  {
    field: 'cur_perf',
    official: 'counts what the model server answered with 500, 424 and 429',
    ours: 'counts 2xx to 4xx but 424 and 429',
    reason: 'D-24: a model server that fails fast is not the fastest',
  },
  {
    field: 'deletions: model server answers 500',
    official: 'Success',
    ours: 'Error',
    reason: 'D-24',
  },
  {
    field: 'rej_load',
    official: 'counts requests whose signature does not verify',
    ours: 'counts authenticated requests only',
    reason: 'D-08: strangers move no figure that is reported',
  },
  {
    field: 'num_requests_recieved',
    official: 'counts strangers, and a repeated reqnum once',
    ours: 'counts authenticated requests',
    reason: 'D-08, D-23',
  },
  {
    field: 'deletions: signature does not verify',
    official: 'Rejected, with the request_idx that the stranger chose',
    ours: 'none',
    reason: 'D-08',
  },
];
