zmodload zsh/zpty
zpty z zsh -f -i

# what stands on the line after a tab
cat >rc <<'RC'
fpath=($PWD/functions $fpath)
autoload -Uz compinit && compinit -u -D
setopt no_auto_list no_beep
unset zle_bracketed_paste
tell() { print -r -- "<<$BUFFER>>"; BUFFER= }
zle -N tell
bindkey '^X' tell
PS1=
print -r -- '<<re''ady>>'
RC
zpty -w z ". ./rc"
zpty -r -m z out '*<<ready>>*' || print "no zsh"

try() {
    local out
    zpty -w -n z "$1"$'\t\x18'
    zpty -r -m z out '*<<*>>*' || print "no answer"
    print -r -- "$1| ${${out##*<<}%%>>*}"
}
try 'mtrain tra'
try 'mtrain train bl'
try 'mtrain train --log-'
try 'mtrain train --color=al'
try 'mtrain train blobs.json optimizer.l'
try 'mtrain train -o x.mtc blobs.json optimizer.type=S'
try 'mtrain resume blobs.mtc --set optimizer.l'
try 'mtrain show blobs.mtc fc1.w'
try 'mtrain save blobs.mtc --only fc2.b'
try 'mtrain diff --section p'
try 'mtrain verify blobs.m'
try 'mtrain train --init=bl'
try 'mtrain save --data-dir=fun'
try 'mtrain help comp'
try 'mtrain init gp'
zpty -d z
