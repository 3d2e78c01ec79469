module.exports = [
];
