const path = require('node:path');

module.exports = [
];
