const path = require('path');

module.exports = {
  userDir: { plan: path.join('.codemachine', 'artifacts', 'plan.md') },
  packageDir: { style: path.join('prompts', 'templates', 'crew', 'persona.md') },
};
