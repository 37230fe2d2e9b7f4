// What a foreign page can try. Each attempt resolves to what it got hold of, or to null.

/** @param {() => Promise<unknown>} attempt What throws or rejects got nothing. */
async function got(attempt) {
    try {
        const found = await attempt();
        return found === null || found === undefined ? null : String(found).slice(0, 200);
    } catch {
        return null;
    }
}

/** Loads an element; resolves once it has loaded, or failed. */
function loaded(element, good = "load") {
    return new Promise((resolve, reject) => {
        element.addEventListener(good, () => resolve(`${element.tagName} loaded`));
        element.addEventListener("error", reject);
        document.body.append(element);
        element.load?.();
    });
}

function element(tag, properties) {
    return Object.assign(document.createElement(tag), properties);
}

function frame(properties) {
    const made = element("iframe", properties);
    return new Promise((resolve) => {
        made.addEventListener("load", () => resolve(made), {once: true});
        document.body.append(made);
    });
}

function xhr(address) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open("GET", address);
        request.withCredentials = true;
        request.onload = () => resolve(request.responseText);
        request.onerror = reject;
        request.send();
    });
}

function socket(address, protocols) {
    return new Promise((resolve, reject) => {
        const wire = new WebSocket(address, protocols);
        wire.onopen = () => resolve("open");
        wire.onerror = reject;
    });
}

function eventSource(address) {
    return new Promise((resolve, reject) => {
        const source = new EventSource(address, {withCredentials: true});
        source.onopen = () => resolve("open");
        source.onerror = () => {
            source.close();
            reject(new Error("closed"));
        };
    });
}

function imported(address) {
    const code = `try { importScripts("${address}"); postMessage("imported"); }`
        + " catch { postMessage(null); }";
    const worker = new Worker(URL.createObjectURL(new Blob([code])));
    return new Promise((resolve) => {
        worker.onmessage = (event) => resolve(event.data);
    });
}

/** Everything by which something could be read, by name. */
async function reading({target, json, pictures, scripts, styles, sounds, cookie}) {
    const ws = target.replace("http", "ws");
    const results = {};
    const attempt = async (name, act) => {
        results[name] = await got(act);
    };
    const each = (addresses, name, act) =>
        Promise.all(addresses.map((path) => attempt(`${name} ${path}`, () => act(target + path))));
    const credentials = "include";
    await each(json, "fetch", async (at) => (await fetch(at, {credentials})).text());
    await each(json, "fetch no-cors", async (at) =>
        (await fetch(at, {credentials, mode: "no-cors"})).type);
    await each(json, "xhr", xhr);
    await each(json, "events", eventSource);
    await each(pictures, "img", (src) => loaded(element("img", {src})));
    await each(pictures, "css image", (at) => loaded(element("input", {type: "image", src: at})));
    await each(scripts, "script", (src) => loaded(element("script", {src})));
    await each(scripts, "module", (at) => import(at));
    await each(scripts, "import", imported);
    await each(scripts, "worker", (at) => new Worker(at) && "worker");
    await each(scripts, "service worker", (at) => navigator.serviceWorker.register(at));
    await each(styles, "link", (href) => loaded(element("link", {rel: "stylesheet", href})));
    await each(sounds, "audio", (src) => loaded(element("audio", {src}), "loadedmetadata"));
    await each(sounds, "video", (src) => loaded(element("video", {src}), "loadedmetadata"));
    await attempt("socket", () => socket(`${ws}/ws`));
    await attempt("socket with a token", () => socket(`${ws}/ws`, ["prismd.token.x"]));
    await attempt("cookie", async () => (document.cookie.includes(cookie) ? document.cookie : null));
    return results;
}

/** Everything by which something could be changed; whether it was, the daemon knows. */
async function writing({target, changes, cookie}) {
    const credentials = "include";
    const body = JSON.stringify({path: "/", query: "planted", minutes: 5, enabled: false});
    for (const [method, path] of changes) {
        const at = target + path;
        const simple = {method: "POST", credentials, mode: "no-cors", body};
        await got(() => fetch(at, simple));
        await got(() => fetch(at, {...simple, headers: {"content-type": "text/plain"}}));
        await got(() => fetch(at, {method, credentials, body,
            headers: {"content-type": "application/json"}}));
        navigator.sendBeacon(at, body);
        for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data",
            "text/plain"]) {
            await submitted(at, enctype, body);
        }
    }
    const link = element("a", {href: "#ping", ping: `${target}/pause`});
    document.body.append(link);
    link.click();
    // Of another path, so that it goes along with the right one.
    document.cookie = `${cookie}=planted; path=/status`;
}

/** Sends a form into a frame; the text/plain one has JSON for its body. */
async function submitted(action, enctype, body) {
    const name = `frame-${Math.random()}`;
    const inside = await frame({name});
    const form = element("form", {action, enctype, method: "POST", target: name});
    const field = enctype === "text/plain"
        ? {name: `${body.slice(0, -1)},"x":"`, value: '"}'}
        : {name: "query", value: "planted"};
    form.append(element("input", field));
    document.body.append(form);
    const done = new Promise((resolve) => {
        inside.addEventListener("load", resolve, {once: true});
    });
    form.submit();
    await done;
    inside.remove();
}

/** Shows addresses in frames, and waits until each shows something. */
async function framed({target, pages}) {
    for (const tag of ["iframe", "object", "embed"]) {
        for (const path of pages) {
            const address = target + path;
            const made = element(tag, tag === "object" ? {data: address} : {src: address});
            const shown = new Promise((resolve) => {
                made.addEventListener("load", resolve);
                made.addEventListener("error", resolve);
            });
            document.body.append(made);
            await shown;
        }
    }
}

/** Leads a new window to an address, by a link or by a form. */
function led([method, address]) {
    const lead = method === "GET"
        ? element("a", {href: address, target: "_blank", rel: "opener"})
        : element("form", {action: address, target: "_blank", method});
    document.body.append(lead);
    if (method === "GET") {
        lead.click();
    } else {
        lead.submit();
    }
    lead.remove();
}

/** What can be told of a window that was opened. */
function seen(opened) {
    const tried = {};
    for (const [name, look] of Object.entries({
        document: () => opened.document.body.innerText,
        address: () => opened.location.href,
        title: () => opened.document.title,
        open: () => (opened.closed ? null : "open"),
    })) {
        try {
            tried[name] = look();
        } catch {
            tried[name] = null;
        }
    }
    return tried;
}
