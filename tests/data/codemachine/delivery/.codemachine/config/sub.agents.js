const path = require('node:path');

module.exports = [
  { id: 'ui-designer', name: 'UI Designer', promptPath: path.join(__dirname, '..', 'prompts', 'agents', 'ui-designer.md') },
  { id: 'db-designer', name: 'DB Designer', mirrorPath: 'docs/db.md' },
  { id: 'unused', name: 'Unused' },
];
