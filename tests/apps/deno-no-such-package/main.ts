import "nothing";
Deno.serve(() => new Response("Hello"));
