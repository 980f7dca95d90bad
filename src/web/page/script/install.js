// Beside each command on the page that tells how to install: a button that copies it.

for (const command of document.querySelectorAll("pre.command")) {
  // Browsers let pages copy where they came by TLS, or from this machine.
  if (!navigator.clipboard) break;
  const label = command.getAttribute("aria-label") ?? "";
  const [button, said] = [document.createElement("button"), document.createElement("span")];
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${label}`);
  said.setAttribute("role", "status");
  said.className = "soft";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(command.textContent ?? "");
      said.textContent = " Copied";
    } catch {
      said.textContent = " Your browser did not let this page copy it";
    }
  });
  const line = document.createElement("p");
  line.append(button, said);
  command.after(line);
}
