import ms from "ms";
Deno.serve(() => new Response(ms(1000)));
