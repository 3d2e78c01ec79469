// Validates OpenFlow files: `node validate.js FILE…`. Prints each error with its place and fails where there is one.
const fs = require("node:fs");
const { WindmillYamlValidator } = require("windmill-yaml-validator");

const validator = new WindmillYamlValidator();
let failed = false;
for (const file of process.argv.slice(2)) {
  const { errors } = validator.validate(fs.readFileSync(file, "utf8"), { type: "flow" });
  for (const error of errors) {
    failed = true;
    console.log(`${file}: ${error.instancePath || "/"}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);
