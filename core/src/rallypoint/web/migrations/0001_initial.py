from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='IdempotentReply',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('fingerprint', fields.CharField(max_length=64)),
                ('owner', fields.CharField(max_length=36)),
                ('reply', fields.TextField(null=True, unique=False)),
                ('expires_at', fields.BigIntField(db_index=True)),
            ],
            options={'table': 'idempotent_replies', 'app': 'web', 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
