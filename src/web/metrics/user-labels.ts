// What stands for users in metrics: their names, or, where they are many, those of their groups. Each value of a label is a series
// that whoever scrapes keeps for good.

/** Names of the groups that a user is in, in the order in which they are configured. */
export type UserGroups = (user: string) => readonly string[];

/** As many users have a series each. */
export const labelledUsersMax = 200;

/** What stands for each of `users`: with more than `labelledUsersMax` the first of its groups, "other" for who is in none. */
export function userLabels(users: readonly string[], groupsOf: UserGroups): (user: string) => string {
  if (users.length <= labelledUsersMax) return (user) => user;
  // A name that a group cannot have: no user is taken for one.
  return (user) => `group:${groupsOf(user)[0] ?? "other"}`;
}
