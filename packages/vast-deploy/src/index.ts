export { dockerOptions, searchQuery, type TemplateBody, templateBody } from './template.ts';
export { EndpointSettings, TemplateSettings, VastJson, vastJsonSchema, WorkergroupSettings } from './vast-json.ts';
