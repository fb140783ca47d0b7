import type { VastJson } from './vast-json.ts';

/** The body of Vast's `POST /template/`. */
export interface TemplateBody {
  name: string;
  desc: string;
  image: string;
  /** Never `latest`: a template says what runs. */
  tag: string;
  /** Docker options in one string. */
  env: string;
  onstart: '';
  /** The image's own entry point runs; `ssh` and `jupyter` would replace it. */
  runtype: 'args';
  args_str: '';
  use_ssh: false;
  ssh_direct: false;
  jup_direct: false;
  use_jupyter_lab: false;
  docker_login_repo: string;
  docker_login_user: string;
  /** A secret, so never here: whoever sends this adds it when the image is not public. */
  docker_login_pass: '';
  extra_filters: VastJson['template']['extra_filters'];
  recommended_disk_space: number;
  readme: '';
  readme_visible: false;
  private: true;
}

/** @param version of the service: the tag that its image is released under */
export function templateBody({ template }: VastJson, version: string): TemplateBody {
  const { name, desc, image, docker_login, extra_filters, recommended_disk_space } = template;
  return {
    name,
    desc,
    image,
    tag: version,
    env: dockerOptions(template),
    onstart: '',
    runtype: 'args',
    args_str: '',
    use_ssh: false,
    ssh_direct: false,
    jup_direct: false,
    use_jupyter_lab: false,
    docker_login_repo: docker_login?.repo ?? '', // required, though nothing may have to be logged in to
    docker_login_user: docker_login?.user ?? '',
    docker_login_pass: '',
    extra_filters,
    recommended_disk_space,
    readme: '',
    readme_visible: false,
    private: true,
  };
}

/** `-p` makes Vast map the port and tell the worker where to (`VAST_TCP_PORT_3000`). */
export function dockerOptions({ ports, env }: VastJson['template']): string {
  const flags = [...ports.map((port) => `-p ${port}:${port}`), ...Object.entries(env).map(([name, value]) => `-e ${name}=${value}`)];
  return flags.join(' ');
}

/** In the grammar of Vast's CLI, which adds `verified=True rentable=True rented=False`. */
export const searchQuery = ({ search_params }: VastJson['workergroup']): string => search_params.join(' ');
