#!/bin/sh
# Every file that the table "Who obeys which rule" of docs/numerics.md names exists. Usage: table_files.sh SOURCE_DIR
cd "$1" || exit 1
rows=$(sed -n '/^## Who obeys which rule/,$p' docs/numerics.md | grep '^| N')
[ "$(printf '%s\n' "$rows" | wc -l)" -ge 20 ] || { echo "docs/numerics.md: the table is gone or short"; exit 1; }
missing=0
check() { # column folder extension
  for file in $(printf '%s\n' "$rows" | cut -d'|' -f"$1" | grep -oE "[a-z0-9_]+\.$3"); do
    [ -f "$2/$file" ] || find "$2" -name "$file" | grep -q . || { echo "docs/numerics.md names $2/$file, which does not exist"; missing=1; }
  done
}
check 3 model '(hpp|cpp)'
check 4 sim 'cpp'
check 5 rtl 'sv'
exit $missing
