/** What the demo's target tables expect: release 1 of the data, with the types that its columns were meant to have. */

const text = { type: ['string', 'null'] };
const integer = { type: ['integer', 'null'] };
const number = { type: ['number', 'null'] };

function schemaOf(title: string, properties: Readonly<Record<string, object>>): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: 'object',
    properties,
    additionalProperties: false,
  };
}

export const MOVIES_SCHEMA = schemaOf('movies', {
  Title: text,
  US_Gross: integer,
  Worldwide_Gross: integer,
  US_DVD_Sales: integer,
  Production_Budget: integer,
  Release_Date: { type: ['string', 'null'], format: 'date', 'x-format': 'MMM DD YYYY' },
  MPAA_Rating: text,
  Running_Time_min: integer,
  Distributor: text,
  Source: text,
  Major_Genre: text,
  Creative_Type: text,
  Director: text,
  Rotten_Tomatoes_Rating: integer,
  IMDB_Rating: number,
  IMDB_Votes: integer,
});

export const WEATHER_SCHEMA = schemaOf('weather', {
  date: { type: ['string', 'null'], format: 'date', 'x-format': 'YYYY/MM/DD' },
  precipitation: number,
  temp_max: number,
  temp_min: number,
  wind: number,
  weather: text,
});

export const FLIGHTS_SCHEMA = schemaOf('flights', {
  date: { type: ['string', 'null'], format: 'date-time', 'x-format': 'YYYY/MM/DD HH:mm' },
  delay: integer,
  distance: integer,
  origin: text,
  destination: text,
});
