export const dynamic = "force-dynamic";

export default function Page() {
  return <h1>Hello from Next.js, {process.env.GREETED}</h1>;
}
