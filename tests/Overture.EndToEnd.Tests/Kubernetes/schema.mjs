// Objects (a JSON array on stdin) against Kubernetes' own schemas, one problem a line: node schema.mjs NODE_MODULES.
// The packages' validators were compiled from the schemas and look at every field they know; a field they never looked at is unknown.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const modules = process.argv[2];
const capital = (word) => word[0].toUpperCase() + word.slice(1);

function schemaFile({ apiVersion, kind }) {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
  const [folder, prefix] = {
    "cert-manager.io": ["@kubernetes-models/cert-manager", "ComGithubCertManagerCertManagerPkgApisCertmanager"],
    "monitoring.coreos.com": ["@kubernetes-models/prometheus-operator", "ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring"],
  }[group] ?? ["kubernetes-models", `IoK8sApi${capital(group.split(".")[0])}`];
  return join(modules, folder, "_schemas", `${prefix}${capital(version)}${kind}.js`);
}

function watched(value, path, seen) {
  if (value === null || typeof value !== "object") return value;
  return new Proxy(value, {
    get(target, key) {
      if (typeof key !== "string" || !Object.hasOwn(target, key)) return target[key];
      seen.add(`${path}/${key}`);
      return watched(target[key], `${path}/${key}`, seen);
    },
  });
}

function* unseen(value, path, seen) {
  if (value === null || typeof value !== "object") return;
  for (const key of Object.keys(value)) {
    if (!seen.has(`${path}/${key}`)) yield `${path}/${key}`;
    else yield* unseen(value[key], `${path}/${key}`, seen);
  }
}

for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const title = `${object.kind}/${object.metadata?.name}`;
  const file = schemaFile(object);
  if (!existsSync(file)) {
    console.log(`${title}: no schema for ${object.apiVersion} ${object.kind}`);
    continue;
  }
  const { validate } = await import(pathToFileURL(file));
  const seen = new Set();
  if (!validate(watched(object, "", seen))) {
    for (const { instancePath, keyword, params } of validate.errors)
      console.log(`${title}: ${instancePath.slice(1)}: ${keyword === "required" ? `required ${params.missingProperty}` : keyword === "type" ? params.type : keyword}`);
  }
  for (const path of unseen(object, "", seen)) console.log(`${title}: ${path.slice(1)}: unknown`);
}
