import adapter from "@sveltejs/adapter-static";

// Without a version of its own each build is another one, by its time.
export default { kit: { adapter: adapter({ fallback: "200.html" }), version: { name: "1" } } };
