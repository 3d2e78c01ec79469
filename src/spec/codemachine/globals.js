// What a workspace's programs can call: `path`, as POSIX has it, and what CodeMachine injects.
((global, directory, filename) => {
    const parts = (path, absolute) => {
        const kept = [];
        for (const part of path.split("/")) {
            if (part === "" || part === ".") continue;
            if (part !== "..") kept.push(part);
            else if (kept.length > 0 && kept[kept.length - 1] !== "..") kept.pop();
            else if (!absolute) kept.push("..");
        }
        return kept;
    };
    const text = (value) => {
        if (typeof value === "string") return value;
        throw new TypeError(`a path is a text, not ${value === null ? "null" : typeof value}`);
    };
    const isAbsolute = (path) => text(path).startsWith("/");
    const normalize = (path) => {
        const absolute = isAbsolute(path);
        const joined = parts(path, absolute).join("/");
        const end = path.endsWith("/") && joined !== "" ? "/" : "";
        return absolute ? `/${joined}${end}` : `${joined || "."}${end}`;
    };
    const trimmed = (path) => {
        const found = text(path).replace(/\/+$/, "");
        return found === "" && path !== "" ? "/" : found;
    };
    const dirname = (path) => {
        const whole = trimmed(path);
        const end = whole.lastIndexOf("/");
        if (end < 0) return ".";
        return trimmed(whole.slice(0, end + 1));
    };
    const basename = (path, suffix = "") => {
        const whole = trimmed(path);
        const name = whole === "/" ? "" : whole.slice(whole.lastIndexOf("/") + 1);
        const cut = suffix !== "" && name !== suffix && name.endsWith(suffix);
        return cut ? name.slice(0, -suffix.length) : name;
    };
    const extname = (path) => {
        const name = basename(path);
        const dot = name.lastIndexOf(".");
        return dot <= 0 || name === ".." ? "" : name.slice(dot);
    };
    const join = (...paths) => {
        const joined = paths.map(text).filter((path) => path !== "").join("/");
        return joined === "" ? "." : normalize(joined);
    };
    const resolve = (...paths) => {
        let whole = "";
        for (const path of [directory, ...paths]) {
            if (text(path) !== "") whole = isAbsolute(path) ? path : `${whole}/${path}`;
        }
        return `/${parts(whole, true).join("/")}`;
    };
    const relative = (from, to) => {
        const [here, there] = [from, to].map((path) => parts(resolve(path), true));
        let same = 0;
        while (same < here.length && same < there.length && here[same] === there[same]) same += 1;
        return [...here.slice(same).fill(".."), ...there.slice(same)].join("/");
    };
    const parse = (path) => {
        const [base, ext] = [basename(path), extname(path)];
        const root = isAbsolute(path) ? "/" : "";
        const dir = trimmed(path).includes("/") ? dirname(path) : "";
        return { root, dir, base, ext, name: ext === "" ? base : base.slice(0, -ext.length) };
    };
    const format = ({ dir = "", root = "", base, name = "", ext = "" }) => {
        const file = base ?? `${name}${ext}`;
        if (dir === "") return `${root}${file}`;
        return dir === root ? `${dir}${file}` : `${dir}/${file}`;
    };
    const path = {
        sep: "/", delimiter: ":", basename, dirname, extname, format, isAbsolute, join, normalize,
        parse, relative, resolve, toNamespacedPath: (path) => path,
    };
    path.posix = path;
    const marked = (kind) => (id, overrides) => ({ $resolve: kind, id, overrides });
    const require = (name) => {
        if (name === "path" || name === "node:path") return path;
        throw new Error(`require(${JSON.stringify(name)}): a workspace's program may require "path" and "node:path" alone`);
    };
    const exports = {};
    Object.assign(global, {
        require, exports,
        module: { exports },
        __dirname: directory,
        __filename: filename,
        resolveStep: marked("step"),
        resolveModule: marked("module"),
        resolveFolder: (name, overrides) => [marked("folder")(name, overrides)],
        separator: (text) => ({ type: "separator", text }),
        resolveUI: (text) => ({ type: "ui", text }),
        controller: (agentId, options) => ({ type: "controller", agentId, options }),
    });
});
