# Installs dync for the current user, on Windows (x64), without administrator rights, in Windows PowerShell 5.1 or newer:
#
#   irm https://downloads.example.org/dync/install.ps1 | iex
#
# With options: & ([scriptblock]::Create((irm https://downloads.example.org/dync/install.ps1))) -To D:\dync
#
# -To FOLDER         where dync.exe goes (default %LOCALAPPDATA%\Programs\dync)
# -Server HOST       with -ServerKey: HOST or HOST:PORT of the key's server
# -ServerKey KEY     the server's public key: a file, or the 40 characters themselves
# -NoModifyPath      leave the PATH of this user as it is
# -Uninstall         remove dync.exe; keys stay
#
# DYNC_BASE_URL says where the files of the release are downloaded from, DYNC_HOME where keys and state are (default
# %USERPROFILE%\.dync). Running it again upgrades dync.exe and touches no key. Everything is in functions and the last line
# calls one of them, in braces, so that a download of this script that breaks off does nothing at all, wherever it does.
param(
  [string] $To = '',
  [string] $Server = '',
  [string] $ServerKey = '',
  [switch] $NoModifyPath,
  [switch] $Uninstall
)

# Written by whoever gives this script away: `bun run release --base-url URL`, or the server whose page offers it.
$DyncDefaults = @{
  BaseUrl = ''
  Server = ''
  ServerKey = ''
}

function Install-Dync($To, $Server, $ServerKey, $NoModifyPath, $Uninstall, $Defaults) {
  # Of this function and what it calls: in "irm | iex" whatever is set outside stays set in the user's session.
  $ErrorActionPreference = 'Stop'
  # Windows PowerShell 5.1 takes minutes to draw a bar for what takes it seconds without.
  $ProgressPreference = 'SilentlyContinue'
  if ($To -eq '') { $To = Join-Path $env:LOCALAPPDATA 'Programs\dync' }
  $To = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($To)
  if ($Uninstall) { return Remove-Dync $To }
  if (($Server -eq '') -ne ($ServerKey -eq '')) { throw 'install.ps1: -Server and -ServerKey belong together' }
  if ($Server -eq '') { $Server = $Defaults.Server; $ServerKey = $Defaults.ServerKey }
  $base = $Defaults.BaseUrl
  if ("$env:DYNC_BASE_URL" -ne '') { $base = $env:DYNC_BASE_URL }
  $base = $base.TrimEnd('/')
  if ($base -eq '') { throw 'install.ps1: set $env:DYNC_BASE_URL to where the release is, such as https://HOST/dync' }
  if (-not [Environment]::Is64BitOperatingSystem) { throw 'install.ps1: dync has no build for 32-bit systems, and this one is' }
  # Older systems would offer TLS 1.0; what this one offers beyond 1.2 stays.
  $protocols = [Net.ServicePointManager]::SecurityProtocol
  if ([int] $protocols -ne 0) { [Net.ServicePointManager]::SecurityProtocol = $protocols -bor [Net.SecurityProtocolType]::Tls12 }

  New-Item -ItemType Directory -Force $To | Out-Null
  # Beside its place, so that the last step is a rename and cannot be half done.
  $stage = Join-Path $To ('.dync-install.' + [guid]::NewGuid().ToString('N'))
  New-Item -ItemType Directory $stage | Out-Null
  $dync = Join-Path $To 'dync.exe'
  try {
    Move-Dync (Get-CheckedDync $base $stage) $dync
  } finally {
    Remove-Item -LiteralPath $stage -Recurse -Force -ErrorAction SilentlyContinue
  }
  Write-Host "Installed $dync"
  if (-not $NoModifyPath) { Add-DyncToPath $To }
  Join-DyncServer $dync $Server $ServerKey
}

# Downloads dync.exe into the folder, checks it, and runs it, before it replaces anything. Returns its path.
function Get-CheckedDync($base, $stage) {
  $name = 'dync-windows-x64.exe'
  $sums = Save-DyncFile $base 'SHA256SUMS' $stage
  $lines = @(Get-Content -LiteralPath $sums | Where-Object { $_ -cmatch "^[0-9a-f]{64} [ *]$([regex]::Escape($name))$" })
  if ($lines.Count -ne 1) { throw "install.ps1: the release at $base has no $name" }
  Write-Host "Downloading $name"
  $new = Save-DyncFile $base $name $stage
  $hash = (Get-FileHash -LiteralPath $new -Algorithm SHA256).Hash.ToLowerInvariant()
  if ($hash -cne $lines[0].Substring(0, 64)) {
    throw "install.ps1: the download of $name is damaged or not the released file: its SHA-256 is not the one in SHA256SUMS"
  }
  Invoke-Dync $new '--version' | Out-Host
  if ($LASTEXITCODE -ne 0) { throw 'install.ps1: the new dync.exe does not run here' }
  return $new
}

# Returns where the file is then.
function Save-DyncFile($base, $name, $folder) {
  # -OutFile takes brackets in a whole path for a pattern, and those in the place where it is for what they are.
  Push-Location -LiteralPath $folder
  try {
    Invoke-WebRequest -UseBasicParsing "$base/$name" -OutFile $name
  } catch {
    throw "install.ps1: cannot download $base/${name}: $($_.Exception.Message)"
  } finally {
    Pop-Location
  }
  return Join-Path $folder $name
}

# Runs dync, and returns the lines that it prints.
function Invoke-Dync($dync, $arguments) {
  # Where PowerShell reads what programs say on stderr (the ISE, remote sessions, 2>&1), 'Stop' would end this at the first word.
  $ErrorActionPreference = 'Continue'
  # dync writes UTF-8, and the consoles of most Windows are read as something else. The ISE has none.
  $before = [Console]::OutputEncoding
  try { [Console]::OutputEncoding = New-Object Text.UTF8Encoding $false } catch { Write-Verbose "$_" }
  try {
    $lines = & $dync $arguments
  } catch {
    throw "install.ps1: dync does not start here: $($_.Exception.GetBaseException().Message)"
  } finally {
    try { [Console]::OutputEncoding = $before } catch { Write-Verbose "$_" }
  }
  return $lines
}

function Move-Dync($new, $dync) {
  try {
    Move-Item -Force -LiteralPath $new -Destination $dync
  } catch {
    throw "install.ps1: $dync cannot be replaced: end what runs it, and install again ($($_.Exception.Message))"
  }
}

# The PATH of this user and of this session. Variables that are written in it stay as they are written, which
# [Environment]::SetEnvironmentVariable would not leave so.
function Add-DyncToPath($folder) {
  if (($env:Path -split ';') -notcontains $folder) { $env:Path = "$folder;$env:Path" }
  $key = 'registry::HKEY_CURRENT_USER\Environment'
  $path = (Get-Item -LiteralPath $key).GetValue('Path', '', 'DoNotExpandEnvironmentNames')
  if (($path -split ';') -contains $folder) { return }
  $parts = @($folder) + @($path -split ';' | Where-Object { $_ -ne '' })
  Set-ItemProperty -LiteralPath $key -Name Path -Type ExpandString -Value ($parts -join ';')
  # Any change by this way tells the programs that run, so that new terminals have it.
  $dummy = 'dync-' + [guid]::NewGuid().ToString('N')
  [Environment]::SetEnvironmentVariable($dummy, 'x', 'User')
  [Environment]::SetEnvironmentVariable($dummy, [NullString]::Value, 'User')
  Write-Host "Added $folder to your PATH"
}

# Everything about keys is dync's own work: it says what is wrong, and how this ends.
function Join-DyncServer($dync, $Server, $ServerKey) {
  if ($Server -ne '') {
    # A key may begin with "-".
    Invoke-Dync $dync 'trust', '--', $Server, $ServerKey | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "install.ps1: dync is installed, and does not trust the server $Server (see above)" }
  }
  $keys = Join-Path $env:USERPROFILE '.dync'
  if ("$env:DYNC_HOME" -ne '') { $keys = $env:DYNC_HOME }
  if (-not (Test-Path -LiteralPath (Join-Path $keys 'client.key_secret'))) {
    Invoke-Dync $dync 'keygen' | Out-Null
    if ($LASTEXITCODE -ne 0) { throw 'install.ps1: dync is installed, but made no keys (see above)' }
  }
  # How it is called in this session.
  $call = 'dync'
  $folder = [IO.Path]::GetDirectoryName($dync)
  if (($env:Path -split ';') -notcontains $folder) { $call = "& '" + $dync.Replace("'", "''") + "'" }
  Write-Host ''
  if ($Server -eq '') {
    Write-Host "Ask a server to let you in:  $call trust HOST server.key; $call join HOST"
    return
  }
  Invoke-Dync $dync 'join', $Server | Out-Host
  # 7: asked, and somebody has to let them in.
  if (0, 7 -notcontains $LASTEXITCODE) {
    Write-Host "The server was not asked to let you in (see above). Try again later:  $call join $Server"
    return
  }
  Write-Host ''
  if ($LASTEXITCODE -eq 0) { Write-Host 'To send a file:' } else { Write-Host 'Then send the first file:' }
  Write-Host "    $call -k sample:S-17 $Server FILE"
  Write-Host "If that does not work, this says why:  $call doctor $Server"
}

function Remove-Dync($folder) {
  $dync = Join-Path $folder 'dync.exe'
  if (Test-Path -LiteralPath $dync) {
    Remove-Item -LiteralPath $dync
    Write-Host "Removed $dync"
  }
  $key = 'registry::HKEY_CURRENT_USER\Environment'
  $path = (Get-Item -LiteralPath $key).GetValue('Path', '', 'DoNotExpandEnvironmentNames')
  if (($path -split ';') -contains $folder) {
    $parts = @($path -split ';' | Where-Object { $_ -ne '' -and $_ -ne $folder })
    Set-ItemProperty -LiteralPath $key -Name Path -Type ExpandString -Value ($parts -join ';')
  }
  Write-Host 'Keys and state stay where they are'
}

& { Install-Dync $To $Server $ServerKey $NoModifyPath $Uninstall $DyncDefaults }
