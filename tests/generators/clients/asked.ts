// What every client is given, and how it says what it was answered.
import { readFileSync } from "node:fs";

const { MOCK_URL, PICTURE } = process.env;
if (!MOCK_URL || !PICTURE) throw new Error("MOCK_URL and PICTURE say where the mock is, and what is sent");

export const baseUrl: string = MOCK_URL;
export const key = "any";
export const picture = new File([readFileSync(PICTURE)], "picture.png", { type: "image/png" });

export interface Told {
  pictures: number;
  second: number;
  error_code: string;
  credits: number;
}

export function told(answers: Told): void {
  console.log(JSON.stringify(answers));
}
