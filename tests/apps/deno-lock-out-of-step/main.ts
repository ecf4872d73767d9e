import ms from "ms";
import "depd";
Deno.serve(() => new Response(ms(1000)));
