/** A place of the navigation: its path, and the letter that leads there after `g`. */
export interface NavigationEntry {
  path: string;
  label: string;
  key: string;
}

export const navigation: readonly NavigationEntry[] = [
  { path: "/jobs", label: "Jobs", key: "j" },
  { path: "/explore", label: "Explore", key: "e" },
  { path: "/queues", label: "Queues", key: "q" },
  { path: "/schedules", label: "Schedules", key: "s" },
  { path: "/settings", label: "Settings", key: "," },
];
