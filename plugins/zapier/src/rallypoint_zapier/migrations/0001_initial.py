from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Key',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account_id', fields.CharField(max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('user_number', fields.BigIntField()),
                ('key_hash', fields.CharField(null=True, unique=True, max_length=64)),
                ('sealed', fields.TextField(null=True, unique=False)),
                ('created_at', fields.BigIntField(null=True)),
                ('made', fields.IntField(default=0)),
                ('made_since', fields.BigIntField(default=0)),
            ],
            options={'table': 'zapier_keys', 'app': 'zapier', 'unique_together': (('account_id', 'user_id'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Subscription',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('event', fields.CharField(max_length=100)),
                ('url_hash', fields.CharField(max_length=64)),
                ('created_at', fields.BigIntField()),
            ],
            options={'table': 'zapier_subscriptions', 'app': 'zapier', 'unique_together': (('account_id', 'user_id', 'event', 'url_hash'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
