#!/usr/bin/env bash
# Step 01: write greet.sh. The first attempt forgets the exclamation mark, as an agent might.
set -eu
if [ -e notes/first-attempt ]; then
    mark='!'
else
    mark=''
    touch notes/first-attempt
fi
cat > greet.sh <<SCRIPT
#!/usr/bin/env bash
echo "Hello, \$1$mark"
SCRIPT
echo "wrote greet.sh: $(tail -n 1 greet.sh)"
