export const greeting = (from: string): string => `Hello from ${from}\n`;
